// Tasks, address spaces, runqueues and the context switch, as far as membarrier needs them.
//
// Written from Documentation/scheduler/membarrier.rst and the comments of kernel/sched/membarrier.c and core.c.
//
// A test may define before it includes this:
//   RQ_STATE               what runqueues[__cpu].membarrier_state holds at first (0)
//   NO_SCHED_MB_BEFORE     no full barrier between user code and the store to rq->curr
//   SCHED_MB_BETWEEN       one more full barrier, right after that store
//   NO_SCHED_MB_AFTER      no full barrier between the store to rq->curr and user code, on any path
//   NO_MMDROP_MB           dropping the borrowed address space of a kernel thread orders nothing
//   MARK_TASK_MM           accesses to task->mm are marked (the kernel has plain ones)
//   ARCH_MB_IN_SWITCH_MM   where the barrier after the store is (x86, s390, sparc; this is the default)
//   ARCH_MB_IN_SWITCH_TO   (arm64)
//   ARCH_MB_IN_UNLOCK      (alpha, arc, arm, hexagon, mips)
//   ARCH_MB_BY_STATE       (powerpc, riscv) in switch_mm, only for a registered mm

#ifndef SCHED_H
#define SCHED_H

enum {
	MEMBARRIER_STATE_PRIVATE_EXPEDITED_READY = 1 << 0,
	MEMBARRIER_STATE_PRIVATE_EXPEDITED = 1 << 1,
	MEMBARRIER_STATE_GLOBAL_EXPEDITED_READY = 1 << 2,
	MEMBARRIER_STATE_GLOBAL_EXPEDITED = 1 << 3,
	MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE_READY = 1 << 4,
	MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 5,
	PRIVATE_EXPEDITED_REGISTERED = MEMBARRIER_STATE_PRIVATE_EXPEDITED | MEMBARRIER_STATE_PRIVATE_EXPEDITED_READY,
	GLOBAL_EXPEDITED_REGISTERED = MEMBARRIER_STATE_GLOBAL_EXPEDITED | MEMBARRIER_STATE_GLOBAL_EXPEDITED_READY,
};

#define PF_KTHREAD 1

struct mm_struct {
	atomic_t membarrier_state;
	atomic_t mm_users;			// threads; the last one to leave drops one of mm_count
	atomic_t mm_count;			// all users together count one, each lazy borrower one
#ifdef MM_CPUMASK
	atomic_t cpu_bit[NR_CPUS];			// mm_cpumask(), one cell a CPU
#endif
};

struct task_struct {
	int flags;
	struct mm_struct *mm;			// NULL: a kernel thread, or a task that is past exit_mm()
	struct mm_struct *active_mm;		// what it borrows when mm is NULL
	int reaped;				// the task is being reaped (the kernel's sighand is NULL)
};

#ifdef MARK_TASK_MM
#define task_mm(task) READ_ONCE((task)->mm)
#define set_task_mm(task, to) WRITE_ONCE((task)->mm, to)
#else
#define task_mm(task) ((task)->mm)
#define set_task_mm(task, to) ((task)->mm = (to))
#endif

struct rq {
	spinlock_t lock;
	struct task_struct *curr;
	int membarrier_state;
};

#ifndef RQ_STATE
#define RQ_STATE 0
#endif

DEFINE_PER_CPU(struct rq, runqueues) = { .curr = __cpu_current, .membarrier_state = RQ_STATE };

#define cpu_rq(cpu) (&per_cpu(runqueues, cpu))

// A pointer, which goes stale where its task may be preempted.
static struct rq *this_rq(void)
{
	return this_cpu_ptr(&runqueues);
}

// --- lifetimes -------------------------------------------------------------------------------------------------------
static void mmgrab(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_count);
}

static void mmdrop(struct mm_struct *mm)
{
#if defined(NO_MMDROP_MB) || defined(NO_SCHED_MB_AFTER)
	if (atomic_dec_return_relaxed(&mm->mm_count) == 0)
#else
	if (atomic_dec_and_test(&mm->mm_count))
#endif
		kfree(mm);
}

static void mmget(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_users);
}

static void mmput(struct mm_struct *mm)
{
	if (atomic_dec_and_test(&mm->mm_users))
		mmdrop(mm);
}

// --- the switch ------------------------------------------------------------------------------------------------------
#ifdef NO_SCHED_MB_BEFORE
#define sched_mb_before() do { } while (0)
#else
#define sched_mb_before() smp_mb__after_spinlock()
#endif

#if !defined(ARCH_MB_IN_SWITCH_TO) && !defined(ARCH_MB_IN_UNLOCK) && !defined(ARCH_MB_BY_STATE)
#define ARCH_MB_IN_SWITCH_MM
#endif

static void switch_mm(struct mm_struct *prev, struct mm_struct *next)
{
#if defined(MM_CPUMASK) && !defined(MASK_AFTER_MB)
	mm_cpumask_switch(prev, next);
#endif
#ifndef NO_SCHED_MB_AFTER
#ifdef ARCH_MB_IN_SWITCH_MM
	if (prev != next)
		smp_mb();
#endif
#ifdef ARCH_MB_BY_STATE
	if (prev != next &&
	    (atomic_read(&next->membarrier_state) &
	     (MEMBARRIER_STATE_PRIVATE_EXPEDITED | MEMBARRIER_STATE_GLOBAL_EXPEDITED)))
		smp_mb();
#endif
#endif
#if defined(MM_CPUMASK) && defined(MASK_AFTER_MB)
	mm_cpumask_switch(prev, next);
#endif
}

static void switch_to(struct task_struct *next)
{
	current = next;
#if defined(ARCH_MB_IN_SWITCH_TO) && !defined(NO_SCHED_MB_AFTER)
	smp_mb();
#endif
}

// Kernels before 5.4 have no copy of the state in the runqueue: their header defines NO_RQ_COPY.
static void membarrier_switch_mm(struct rq *rq, struct mm_struct *prev, struct mm_struct *next)
{
#ifndef NO_RQ_COPY
	int state;

	if (prev == next)
		return;
	state = atomic_read(&next->membarrier_state);
	if (READ_ONCE(rq->membarrier_state) != state)
		WRITE_ONCE(rq->membarrier_state, state);
#endif
}

// Runs `next` on this CPU in place of `current`.
static void schedule_to(struct task_struct *next)
{
	struct rq *rq;
	struct task_struct *prev;
	struct mm_struct *old;
	struct mm_struct *borrowed = NULL;

	local_irq_disable();
	rq = this_rq();
	prev = current;
	old = prev->mm;
	spin_lock(&rq->lock);
	sched_mb_before();
	WRITE_ONCE(rq->curr, next);
#ifdef SCHED_MB_BETWEEN
	smp_mb();
#endif

	if (!old) {
		old = prev->active_mm;
		borrowed = old;
	}
	if (next->mm) {
		membarrier_switch_mm(rq, old, next->mm);
		switch_mm(old, next->mm);
	} else {
		next->active_mm = old;
		mmgrab(old);
	}
	switch_to(next);

#if defined(ARCH_MB_IN_UNLOCK) && !defined(NO_SCHED_MB_AFTER)
	smp_mb();
#endif
	spin_unlock(&rq->lock);
	local_irq_enable();
	if (borrowed)
		mmdrop(borrowed);
}

#endif
