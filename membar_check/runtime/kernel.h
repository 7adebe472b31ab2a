// The part of the kernel that every test in kernel C gets: what the functions that a test calls promise, as far as
// other CPUs, interrupts and the scheduler can tell.  Written from the kernel's documentation (Documentation/locking,
// RCU, core-api, memory-barriers.txt, the kernel-doc of kernel/smp.c), not from its code: every access to memory here
// is one that the promise needs.
//
// NR_CPUS is defined before this: the number of threads P0, P1 ... of the test.  Only what a test can reach of this file
// becomes part of it, and a function that the test defines itself replaces the one here.
//
// A test may define, before the functions that this matters to:
//   ASSUME_ALLOC_SUCCEEDS 1    allocations do not fail (by default each is tried both ways)
//
// Macros of the definition file (models/*.def) that only this file uses:
//   __rcu_lock() __rcu_unlock()                      the ends of an outermost read-side section
//   __synchronize_rcu()                              a grace period
//   __raw_spin_lock(l) __raw_spin_unlock(l)          the lock itself, with no bookkeeping
//   __raw_spin_trylock(l)

// --- types -----------------------------------------------------------------------------------------------------------
typedef _Bool bool;
typedef signed char s8;
typedef unsigned char u8;
typedef short s16;
typedef unsigned short u16;
typedef int s32;
typedef unsigned int u32;
typedef long s64;
typedef unsigned long u64;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned char uint8_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;
typedef unsigned long size_t;
typedef long ssize_t;
typedef unsigned long uintptr_t;
typedef int pid_t;
typedef unsigned int gfp_t;
typedef int atomic_t;
typedef long atomic64_t;
typedef long atomic_long_t;
typedef int refcount_t;
typedef int spinlock_t;
typedef int raw_spinlock_t;

#define NULL ((void *)0)
#define true 1
#define false 0

#define ATOMIC_INIT(value) (value)
#define ATOMIC64_INIT(value) (value)
#define ATOMIC_LONG_INIT(value) (value)
#define REFCOUNT_INIT(value) (value)

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define EBADF 9
#define EAGAIN 11
#define EWOULDBLOCK 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ENOSYS 38
#define EOPNOTSUPP 95
#define ETIMEDOUT 110
#define ERESTARTSYS 512

// --- words that say nothing here -------------------------------------------------------------------------------------
#define __inline inline
#define __inline__ inline
#define __always_inline inline
#define noinline
#define notrace
#define asmlinkage
#define __init
#define __exit
#define __sched
#define __visible
#define __user
#define __kernel
#define __rcu
#define __percpu
#define __force
#define __read_mostly
#define __ro_after_init
#define __maybe_unused
#define __always_unused
#define __used
#define __must_check
#define __cold
#define __pure
#define __randomize_layout
#define ____cacheline_aligned
#define ____cacheline_aligned_in_smp
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)
#define MODULE_LICENSE(text)
#define fallthrough do { } while (0)

#define pr_info(...) do { } while (0)
#define pr_warn(...) do { } while (0)
#define pr_err(...) do { } while (0)
#define pr_debug(...) do { } while (0)
#define printk(...) do { } while (0)
#define BUILD_BUG_ON(condition) do { } while (0)
#define lockdep_assert_held(lock) do { } while (0)
#define lockdep_assert_irqs_disabled() do { } while (0)
#define lockdep_assert_preemption_disabled() do { } while (0)

#define likely(condition) (condition)
#define unlikely(condition) (condition)
#define data_race(expression) (expression)
#define BIT(n) (1UL << (n))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define container_of(pointer, type, member) ((type *)((void *)(pointer) - offsetof(type, member)))

#define SYSCALL_DEFINE0(name) static long name(void)
#define SYSCALL_DEFINE1(name, t1, a1) static long name(t1 a1)
#define SYSCALL_DEFINE2(name, t1, a1, t2, a2) static long name(t1 a1, t2 a2)
#define SYSCALL_DEFINE3(name, t1, a1, t2, a2, t3, a3) static long name(t1 a1, t2 a2, t3 a3)

// --- what belongs to a CPU and is no memory --------------------------------------------------------------------------
struct task_struct;

register int __cpu;                        // its number
register struct task_struct *current;      // the task that it runs
register int __preempt_count;              // how often preemption is disabled
register int __irqs_off;                   // 1: interrupts are disabled
register int __in_interrupt;               // 1: in an interrupt handler
register int __rcu_depth;                  // how often rcu_read_lock() is nested
register int __sections;                   // how many regions are open in which a grace period cannot end
register int __cpus_read_depth;            // how often cpus_read_lock() is nested
register int __must_not_block_depth;       // functions under way that are documented never to block

// __settle() computes a value there and then, so that the task may be on another CPU where the value is used.
#define raw_smp_processor_id() ((int)__settle(__cpu))
#define num_online_cpus() (NR_CPUS)
#define num_possible_cpus() (NR_CPUS)
#define nr_cpu_ids (NR_CPUS)
#define cpu_online(cpu) ((cpu) >= 0 && (cpu) < NR_CPUS)
#define cpu_possible(cpu) cpu_online(cpu)
#define for_each_online_cpu(cpu) for ((cpu) = 0; (cpu) < NR_CPUS; (cpu)++)
#define for_each_possible_cpu(cpu) for_each_online_cpu(cpu)
#define for_each_present_cpu(cpu) for_each_online_cpu(cpu)

// --- findings --------------------------------------------------------------------------------------------------------
#define WARN_ON(condition) __warn_on(!!(condition))
#define WARN_ON_ONCE(condition) __warn_on(!!(condition))
#define WARN(condition, ...) __warn_on(!!(condition))
#define WARN_ONCE(condition, ...) __warn_on(!!(condition))
#define BUG_ON(condition) __bug_on(!!(condition))
#define BUG() __bug_on(1)

static int __warn_on(int condition)
{
	if (condition)
		__flag("warning", "a warning of the kernel's code");
	return condition;
}

static void __bug_on(int condition)
{
	if (condition)
		__stop("bug", "the kernel's code says that this cannot be");
}

#define ERR_PTR(error) ((void *)(long)(error))
#define PTR_ERR(pointer) ((long)(pointer))
#define IS_ERR_OR_NULL(pointer) (!(pointer) || IS_ERR(pointer))
#define PTR_ERR_OR_ZERO(pointer) (IS_ERR(pointer) ? PTR_ERR(pointer) : 0)

// An address is never equal to a number but 0, so that looking for the numbers is enough.
static bool IS_ERR(const void *pointer)
{
	int error;

	for (error = 1; error <= EINVAL; error++)
		if (pointer == ERR_PTR(-error))
			return true;
	return pointer == ERR_PTR(-ENOSPC) || pointer == ERR_PTR(-ENOSYS) || pointer == ERR_PTR(-EOPNOTSUPP) ||
	       pointer == ERR_PTR(-ETIMEDOUT) || pointer == ERR_PTR(-ERESTARTSYS);
}

// --- preemption, interrupts, and the sections that grace periods wait for --------------------------------------------
// Since 5.0 a grace period waits for all of them.  They overlap as they like; together they are one section, from where
// the first begins to where the last ends.  __grace_periods is 0 in tests without any, where nobody could tell.
static void __section_begin(void)
{
	if (__grace_periods && __sections == 0)
		__rcu_lock();
	__sections = __sections + 1;
}

static void __section_end(void)
{
	__sections = __sections - 1;
	if (__grace_periods && __sections == 0)
		__rcu_unlock();
}

#define preemptible() (__preempt_count == 0 && !__irqs_off && !__in_interrupt)
#define preempt_count() (__preempt_count)
#define in_interrupt() (__in_interrupt)
#define in_atomic() (__preempt_count != 0 || __in_interrupt)
#define irqs_disabled() (__irqs_off)

static void preempt_disable(void)
{
	__preempt_count = __preempt_count + 1;
	__section_begin();
}

static void preempt_enable(void)
{
	if (__preempt_count == 0) {
		__flag("unbalanced", "preemption is enabled although nothing disabled it");
		return;
	}
	__section_end();
	__preempt_count = __preempt_count - 1;
}

#define preempt_enable_no_resched() preempt_enable()
#define preempt_disable_notrace() preempt_disable()
#define preempt_enable_notrace() preempt_enable()
#define local_bh_disable() preempt_disable()
#define local_bh_enable() preempt_enable()

static int smp_processor_id(void)
{
	if (preemptible())
		__flag("warning", "smp_processor_id() in preemptible code: the task may be on another CPU by now");
	return raw_smp_processor_id();
}

static int get_cpu(void)
{
	preempt_disable();
	return raw_smp_processor_id();
}

#define put_cpu() preempt_enable()

static void local_irq_disable(void)
{
	if (__irqs_off)
		return;
	__irqs_off = 1;
	__section_begin();
}

static void local_irq_enable(void)
{
	if (__in_interrupt) {
		__flag("unbalanced", "interrupts are enabled inside an interrupt handler");
		return;
	}
	if (!__irqs_off)
		return;
	__section_end();
	__irqs_off = 0;
}

static int __irq_save(void)
{
	int was_off = __irqs_off;

	local_irq_disable();
	return was_off;
}

static void __irq_restore(int was_off)
{
	if (was_off == __irqs_off)
		return;
	if (was_off)
		local_irq_disable();
	else
		local_irq_enable();
}

#define local_irq_save(flags) ((flags) = __irq_save())
#define local_irq_restore(flags) __irq_restore(flags)
#define local_save_flags(flags) ((flags) = __irqs_off)

// --- sleeping --------------------------------------------------------------------------------------------------------
static void __must_not_block_begin(void)
{
	__must_not_block_depth = __must_not_block_depth + 1;
}

static void __must_not_block_end(void)
{
	__must_not_block_depth = __must_not_block_depth - 1;
}

// Where the scheduler may be called.
static void __may_schedule(void)
{
	if (__in_interrupt)
		__flag("sleep-in-atomic", "may sleep in an interrupt handler");
	else if (__irqs_off)
		__flag("sleep-in-atomic", "may sleep with interrupts off");
	else if (__preempt_count)
		__flag("sleep-in-atomic", "may sleep with preemption off or a spin lock held");
	else if (__rcu_depth)
		__flag("sleep-in-atomic", "may sleep inside rcu_read_lock()");
}

static void might_sleep(void)
{
	__may_schedule();
	if (__must_not_block_depth)
		__flag("may-block", "may block in a function that is documented never to");
}

#define cond_resched() __may_schedule()
#define cpu_relax() do { } while (0)

// --- RCU -------------------------------------------------------------------------------------------------------------
static void rcu_read_lock(void)
{
	__rcu_depth = __rcu_depth + 1;
	__section_begin();
}

static void rcu_read_unlock(void)
{
	if (__rcu_depth == 0) {
		__flag("unbalanced", "rcu_read_unlock() without rcu_read_lock()");
		return;
	}
	__section_end();
	__rcu_depth = __rcu_depth - 1;
}

#define rcu_read_lock_bh() preempt_disable()
#define rcu_read_unlock_bh() preempt_enable()
#define rcu_read_lock_sched() preempt_disable()
#define rcu_read_unlock_sched() preempt_enable()

// A grace period never ends inside a region that it waits for.
static void synchronize_rcu(void)
{
	if (__sections)
		__stop("sleep-in-atomic", "waits for a grace period inside a region that it waits for");
	might_sleep();
	__synchronize_rcu();
}

#define synchronize_rcu_expedited() synchronize_rcu()
#define synchronize_sched() synchronize_rcu()
#define RCU_INIT_POINTER(pointer, value) WRITE_ONCE(pointer, value)
#define rcu_dereference_protected(pointer, condition) (pointer)
#define rcu_dereference_check(pointer, condition) rcu_dereference(pointer)
#define rcu_replace_pointer(pointer, value, condition) xchg(&(pointer), value)

// --- locks -----------------------------------------------------------------------------------------------------------
#define DEFINE_SPINLOCK(name) spinlock_t name
#define DEFINE_RAW_SPINLOCK(name) raw_spinlock_t name
#define spin_lock_init(lock) do { } while (0)
#define raw_spin_lock_init(lock) do { } while (0)

static void spin_lock(spinlock_t *lock)
{
	preempt_disable();
	__lock_wait(lock);
	__raw_spin_lock(lock);
	__lock_held(lock);
}

static void spin_unlock(spinlock_t *lock)
{
	__raw_spin_unlock(lock);
	__lock_dropped(lock);
	preempt_enable();
}

static int spin_trylock(spinlock_t *lock)
{
	preempt_disable();
	if (__raw_spin_trylock(lock)) {
		__lock_held(lock);
		return 1;
	}
	preempt_enable();
	return 0;
}

static void spin_lock_irq(spinlock_t *lock)
{
	local_irq_disable();
	spin_lock(lock);
}

static void spin_unlock_irq(spinlock_t *lock)
{
	spin_unlock(lock);
	local_irq_enable();
}

static int __spin_lock_irqsave(spinlock_t *lock)
{
	int was_off = __irq_save();

	spin_lock(lock);
	return was_off;
}

static void spin_unlock_irqrestore(spinlock_t *lock, int flags)
{
	spin_unlock(lock);
	__irq_restore(flags);
}

#define spin_lock_irqsave(lock, flags) ((flags) = __spin_lock_irqsave(lock))
#define spin_lock_bh(lock) spin_lock(lock)
#define spin_unlock_bh(lock) spin_unlock(lock)
#define raw_spin_lock(lock) spin_lock(lock)
#define raw_spin_unlock(lock) spin_unlock(lock)
#define raw_spin_trylock(lock) spin_trylock(lock)
#define raw_spin_lock_irq(lock) spin_lock_irq(lock)
#define raw_spin_unlock_irq(lock) spin_unlock_irq(lock)
#define raw_spin_lock_irqsave(lock, flags) spin_lock_irqsave(lock, flags)
#define raw_spin_unlock_irqrestore(lock, flags) spin_unlock_irqrestore(lock, flags)

struct mutex {
	int locked;
};

#define DEFINE_MUTEX(name) struct mutex name
#define mutex_init(lock) do { } while (0)

static void mutex_lock(struct mutex *lock)
{
	might_sleep();
	__lock_wait(&lock->locked);
	__raw_spin_lock(&lock->locked);
	__lock_held(&lock->locked);
}

static int mutex_trylock(struct mutex *lock)
{
	if (!__raw_spin_trylock(&lock->locked))
		return 0;
	__lock_held(&lock->locked);
	return 1;
}

static void mutex_unlock(struct mutex *lock)
{
	__raw_spin_unlock(&lock->locked);
	__lock_dropped(&lock->locked);
}

// CPUs neither come nor go in a test, so that nobody ever holds the other side of this lock.
static void cpus_read_lock(void)
{
	might_sleep();
	__cpus_read_depth = __cpus_read_depth + 1;
}

static void cpus_read_unlock(void)
{
	if (__cpus_read_depth == 0)
		__flag("unbalanced", "cpus_read_unlock() without cpus_read_lock()");
	else
		__cpus_read_depth = __cpus_read_depth - 1;
}

#define get_online_cpus() cpus_read_lock()
#define put_online_cpus() cpus_read_unlock()

// --- reference counts ------------------------------------------------------------------------------------------------
#define refcount_set(count, value) atomic_set(count, value)
#define refcount_read(count) atomic_read(count)
#define refcount_inc(count) atomic_inc(count)
#define refcount_add(value, count) atomic_add(value, count)

static bool refcount_inc_not_zero(refcount_t *count)
{
	int old = atomic_read(count);
	int seen;

	do {
		if (old == 0)
			return false;
		seen = old;
		old = atomic_cmpxchg_relaxed(count, seen, seen + 1);
	} while (old != seen);
	return true;
}

// True when it has stored `value`; else `*old` is what it found.
static bool atomic_try_cmpxchg(atomic_t *v, int *old, int value)
{
	int wanted = *old;
	int found = atomic_cmpxchg(v, wanted, value);

	if (found == wanted)
		return true;
	*old = found;
	return false;
}

// Release, and acquire when it reaches zero.
static bool refcount_dec_and_test(refcount_t *count)
{
	if (atomic_dec_return_release(count) != 0)
		return false;
	smp_mb();	// an acquire on success: nothing weaker orders the plain accesses of a free in the kernel's model
	return true;
}

// --- allocation ------------------------------------------------------------------------------------------------------
#define __GFP_DIRECT_RECLAIM 1u
#define __GFP_HIGH 2u
#define __GFP_KSWAPD_RECLAIM 4u
#define __GFP_ZERO 8u
#define __GFP_NOFAIL 16u
#define __GFP_NOWARN 32u
#define __GFP_IO 64u
#define __GFP_FS 128u
#define __GFP_ACCOUNT 256u
#define __GFP_NORETRY 512u
#define GFP_KERNEL (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_USER GFP_KERNEL
#define GFP_NOIO (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define GFP_NOFS (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM | __GFP_IO)
#define GFP_NOWAIT __GFP_KSWAPD_RECLAIM
#define GFP_ATOMIC (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define gfpflags_allow_blocking(flags) (((flags) & __GFP_DIRECT_RECLAIM) != 0)

#define ASSUME_ALLOC_SUCCEEDS 0

static void *__allocate(size_t cells, gfp_t flags, int succeeds)
{
	if (flags & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (!succeeds && !(flags & __GFP_NOFAIL)) {
		if (__choice()) {
			__flag("note", "fails to allocate");
			return NULL;
		}
	}
	return __alloc(cells);
}

#define kmalloc(size, flags) __allocate(size, flags, ASSUME_ALLOC_SUCCEEDS)
#define kzalloc(size, flags) __allocate(size, flags, ASSUME_ALLOC_SUCCEEDS)
#define kcalloc(count, size, flags) __allocate((count) * (size), flags, ASSUME_ALLOC_SUCCEEDS)
#define kmalloc_array(count, size, flags) __allocate((count) * (size), flags, ASSUME_ALLOC_SUCCEEDS)
#define kvfree(pointer) kfree(pointer)

// A call that the compiler cannot see into: the end of the object mixes with no access around it.
#define kfree(pointer) \
	do { \
		barrier(); \
		__free(pointer); \
		barrier(); \
	} while (0)

// --- per-CPU objects -------------------------------------------------------------------------------------------------
#define DEFINE_PER_CPU(type, name) _Thread_local type name
#define DEFINE_PER_CPU_SHARED_ALIGNED(type, name) _Thread_local type name
#define DEFINE_PER_CPU_ALIGNED(type, name) _Thread_local type name
#define DECLARE_PER_CPU(type, name) extern _Thread_local type name
#define DECLARE_PER_CPU_SHARED_ALIGNED(type, name) extern _Thread_local type name

#define per_cpu_ptr(pointer, cpu) __per_cpu_ptr(pointer, cpu)
#define this_cpu_ptr(pointer) __per_cpu_ptr(pointer, raw_smp_processor_id())
#define raw_cpu_ptr(pointer) this_cpu_ptr(pointer)
#define per_cpu(object, cpu) (*__per_cpu_ptr(&(object), cpu))

// Each computes the address and makes its access in one go: no migration comes in between.
#define this_cpu_read(object) READ_ONCE(*__per_cpu_ptr(&(object), __cpu))
#define this_cpu_write(object, value) WRITE_ONCE(*__per_cpu_ptr(&(object), __cpu), value)
#define raw_cpu_read(object) this_cpu_read(object)
#define raw_cpu_write(object, value) this_cpu_write(object, value)
#define __this_cpu_read(object) (*__per_cpu_ptr(&(object), __cpu))
#define __this_cpu_write(object, value) (*__per_cpu_ptr(&(object), __cpu) = (value))

// Two accesses, as the CPU's own instruction makes them: not atomic for other CPUs, but nothing of this CPU intervenes.
#define this_cpu_add(object, value) __this_cpu_update(object, +, value)
#define this_cpu_sub(object, value) __this_cpu_update(object, -, value)
#define this_cpu_or(object, value) __this_cpu_update(object, |, value)
#define this_cpu_and(object, value) __this_cpu_update(object, &, value)
#define __this_cpu_add(object, value) __this_cpu_write(object, __this_cpu_read(object) + (value))
#define __this_cpu_inc(object) __this_cpu_add(object, 1)
#define __this_cpu_dec(object) __this_cpu_add(object, -1)
#define this_cpu_inc(object) __this_cpu_update(object, +, 1)
#define this_cpu_dec(object) __this_cpu_update(object, -, 1)
#define __this_cpu_update(object, op, value) \
	do { \
		int __was_off = __irq_save(); \
		this_cpu_write(object, this_cpu_read(object) op (value)); \
		__irq_restore(__was_off); \
	} while (0)

// --- cpumasks --------------------------------------------------------------------------------------------------------
// One cell for each CPU.  The functions that set and test single CPUs are atomic without ordering, as in the kernel; as
// a cell has nothing but that CPU in it, a single store is that.  Those with underscores and on whole masks are plain.
struct cpumask {
	int bits[NR_CPUS];
};
typedef struct cpumask cpumask_t;
typedef struct cpumask *cpumask_var_t;

#define cpumask_test_cpu(cpu, mask) READ_ONCE((mask)->bits[cpu])
#define cpumask_set_cpu(cpu, mask) WRITE_ONCE((mask)->bits[cpu], 1)
#define cpumask_clear_cpu(cpu, mask) WRITE_ONCE((mask)->bits[cpu], 0)
#define cpumask_test_and_set_cpu(cpu, mask) xchg(&(mask)->bits[cpu], 1)
#define cpumask_test_and_clear_cpu(cpu, mask) xchg(&(mask)->bits[cpu], 0)
#define __cpumask_set_cpu(cpu, mask) ((mask)->bits[cpu] = 1)
#define __cpumask_clear_cpu(cpu, mask) ((mask)->bits[cpu] = 0)
#define for_each_cpu(cpu, mask) \
	for ((cpu) = 0; (cpu) < NR_CPUS; (cpu)++) \
		if (!cpumask_test_cpu(cpu, mask)) { } else

#define zalloc_cpumask_var(mask, flags) ((*(mask) = kzalloc(sizeof(struct cpumask), flags)) != NULL)
#define alloc_cpumask_var(mask, flags) zalloc_cpumask_var(mask, flags)
#define free_cpumask_var(mask) kfree(mask)

static void cpumask_clear(struct cpumask *mask)
{
	int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++)
		mask->bits[cpu] = 0;
}

static void cpumask_setall(struct cpumask *mask)
{
	int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++)
		mask->bits[cpu] = 1;
}

static void cpumask_copy(struct cpumask *to, const struct cpumask *from)
{
	int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++)
		to->bits[cpu] = from->bits[cpu];
}

static void cpumask_and(struct cpumask *to, const struct cpumask *a, const struct cpumask *b)
{
	int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++)
		to->bits[cpu] = a->bits[cpu] & b->bits[cpu];
}

static void cpumask_or(struct cpumask *to, const struct cpumask *a, const struct cpumask *b)
{
	int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++)
		to->bits[cpu] = a->bits[cpu] | b->bits[cpu];
}

static int cpumask_weight(const struct cpumask *mask)
{
	int cpu, weight = 0;

	for (cpu = 0; cpu < NR_CPUS; cpu++)
		weight += mask->bits[cpu];
	return weight;
}

#define cpumask_empty(mask) (cpumask_weight(mask) == 0)

// --- preemption ------------------------------------------------------------------------------------------------------
// How a task is put aside on one CPU and goes on on another, for tests with `Migrations=`: a scheduler that orders all
// before with all after.  A test that models its own scheduler defines these three.
static void __migrate_out(int *handed_over)
{
	smp_mb();
	current = NULL;
	smp_store_release(handed_over, 1);
}

static void __migrate_in(int *handed_over, struct task_struct *task)
{
	__assume(smp_load_acquire(handed_over) == 1);
	smp_mb();
	current = task;
}

static void __migrate_back(struct task_struct *previous)
{
	smp_mb();
	current = previous;
}

// --- interrupts from one CPU to another ------------------------------------------------------------------------------
typedef void (*smp_call_func_t)(void *info);

// What sender and handler share.  `sent` orders what the sender did before the handler, `done` what the handler did
// before what follows the wait; neither is a full barrier.
struct __csd {
	int sent;
	int done;
};

// What a CPU runs when it takes an interrupt.
static void __handle_interrupt(struct __csd *csd, smp_call_func_t func, void *info)
{
	int preempt_count = __preempt_count;
	int rcu_depth = __rcu_depth;
	int must_not_block_depth = __must_not_block_depth;

	__irqs_off = 1;
	__in_interrupt = 1;
	__must_not_block_depth = 0;
	__section_begin();
	__assume(smp_load_acquire(&csd->sent) == 1);
	func(info);
	if (__preempt_count != preempt_count || __rcu_depth != rcu_depth)
		__flag("unbalanced", "the handler leaves preemption or rcu_read_lock() other than it found them");
	smp_store_release(&csd->done, 1);
	__section_end();
	__must_not_block_depth = must_not_block_depth;
	__in_interrupt = 0;
	__irqs_off = 0;
}

static struct __csd *__send_interrupt(int cpu, smp_call_func_t func, void *info)
{
	struct __csd *csd = __interrupt(cpu, func, info);

	smp_store_release(&csd->sent, 1);
	return csd;
}

static void __wait_for_interrupt(struct __csd *csd)
{
	__await(csd);
	__assume(smp_load_acquire(&csd->done) == 1);
}

static void __call_here(smp_call_func_t func, void *info)
{
	int was_off = __irq_save();

	func(info);
	__irq_restore(was_off);
}

static int smp_call_function_single(int cpu, smp_call_func_t func, void *info, int wait)
{
	preempt_disable();
	if (cpu == __cpu) {
		__call_here(func, info);
	} else {
		struct __csd *csd = __send_interrupt(cpu, func, info);

		if (wait)
			__wait_for_interrupt(csd);
	}
	preempt_enable();
	return 0;
}

// All are sent before any is waited for.
#if NR_CPUS == 1
#define __EVERY_CPU(DO) DO(0)
#elif NR_CPUS == 2
#define __EVERY_CPU(DO) DO(0) DO(1)
#elif NR_CPUS == 3
#define __EVERY_CPU(DO) DO(0) DO(1) DO(2)
#elif NR_CPUS == 4
#define __EVERY_CPU(DO) DO(0) DO(1) DO(2) DO(3)
#elif NR_CPUS == 5
#define __EVERY_CPU(DO) DO(0) DO(1) DO(2) DO(3) DO(4)
#elif NR_CPUS == 6
#define __EVERY_CPU(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#elif NR_CPUS == 7
#define __EVERY_CPU(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
#else
#define __EVERY_CPU(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#endif

#define __CSD(cpu) \
	struct __csd *csd##cpu = NULL;
#define __SEND_TO(cpu) \
	if (cpu != __cpu && (!mask || cpumask_test_cpu(cpu, mask))) \
		csd##cpu = __send_interrupt(cpu, func, info);
#define __WAIT_FOR(cpu) \
	if (csd##cpu) \
		__wait_for_interrupt(csd##cpu);

// `mask` NULL: all CPUs.  `here`: also on the calling CPU, if it is in the mask.
static void __call_cpus(const struct cpumask *mask, smp_call_func_t func, void *info, int wait, int here)
{
	__EVERY_CPU(__CSD)

	__EVERY_CPU(__SEND_TO)
	if (here && (!mask || cpumask_test_cpu(__cpu, mask)))
		__call_here(func, info);
	if (!wait)
		return;
	__EVERY_CPU(__WAIT_FOR)
}

static void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info, int wait)
{
	if (preemptible())
		__flag("warning", "smp_call_function_many() wants preemption disabled");
	__call_cpus(mask, func, info, wait, 0);
}

static int smp_call_function(smp_call_func_t func, void *info, int wait)
{
	preempt_disable();
	__call_cpus(NULL, func, info, wait, 0);
	preempt_enable();
	return 0;
}

static void on_each_cpu_mask(const struct cpumask *mask, smp_call_func_t func, void *info, int wait)
{
	preempt_disable();
	__call_cpus(mask, func, info, wait, 1);
	preempt_enable();
}

static int on_each_cpu(smp_call_func_t func, void *info, int wait)
{
	preempt_disable();
	__call_cpus(NULL, func, info, wait, 1);
	preempt_enable();
	return 0;
}
