// membarrier as in the posting of 8 September 2019 ("p->mm->membarrier_state racy load (v2)").
//
//   NO_ENTRY_MB, NO_EXIT_MB    the call's own barriers left out
//   NO_GRACE_PERIOD            registration as the replies quote it: without synchronize_rcu() before the scan
//   MB_FOR_GRACE_PERIOD        a full barrier in its place
//   TASKS_EXIT                 task_rcu_dereference() looks whether the task is being reaped
//   TEST_FOR_NULL              the missing test of its result
//   NO_HOTPLUG_LOCK            without cpus_read_lock()
//   RETURN_EWOULDBLOCK         no fallback: an allocation that fails is reported (proposed in the thread)
//   COMMAND_GFP                how the commands allocate (GFP_NOWAIT)
//   ALLOC_INSIDE_RCU           the mask is allocated inside the RCU section

#ifndef MEMBARRIER_V2_H
#define MEMBARRIER_V2_H

#define set_rq_state(state) WRITE_ONCE(this_rq()->membarrier_state, state)
#include "membarrier-rq-state.h"

#ifndef COMMAND_GFP
#define COMMAND_GFP GFP_NOWAIT
#endif

#ifdef NO_HOTPLUG_LOCK
#define hotplug_lock() do { } while (0)
#define hotplug_unlock() do { } while (0)
#else
#define hotplug_lock() cpus_read_lock()
#define hotplug_unlock() cpus_read_unlock()
#endif

#ifdef RETURN_EWOULDBLOCK
#define no_memory() return -EWOULDBLOCK
#else
#define no_memory() fallback = true
#endif

// The task that another CPU runs; NULL if it is exiting.  A change in between means another look: it is found by the
// executions that look later, so here they are not followed.
static struct task_struct *task_rcu_dereference(struct task_struct **where)
{
	struct task_struct *task = rcu_dereference(*where);

#ifdef TASKS_EXIT
	int reaped = READ_ONCE(task->reaped);

	smp_rmb();
	__assume(task == READ_ONCE(*where));
	if (reaped)
		return NULL;
#endif
	return task;
}

static bool registered_thread_on(int cpu)
{
	struct task_struct *p;

	if (!(READ_ONCE(cpu_rq(cpu)->membarrier_state) & MEMBARRIER_STATE_GLOBAL_EXPEDITED))
		return false;
	p = task_rcu_dereference(&cpu_rq(cpu)->curr);
#ifdef TEST_FOR_NULL
	if (!p)
		return false;
#endif
	return !(p->flags & PF_KTHREAD);
}

static bool thread_of_mm_on(int cpu, struct mm_struct *mm)
{
	struct task_struct *p = task_rcu_dereference(&cpu_rq(cpu)->curr);

	return p && task_mm(p) == mm;
}

// Both commands; `mm` is NULL for the global one.
static int membarrier_expedited(struct mm_struct *mm)
{
	bool fallback = false;
	cpumask_var_t mask;
	int cpu;

#ifndef NO_ENTRY_MB
	smp_mb();
#endif
#ifndef ALLOC_INSIDE_RCU
	if (!zalloc_cpumask_var(&mask, COMMAND_GFP))
		no_memory();
	membarrier_alloc_assumption(fallback);
#endif

	hotplug_lock();
	rcu_read_lock();
#ifdef ALLOC_INSIDE_RCU
	if (!zalloc_cpumask_var(&mask, COMMAND_GFP))
		no_memory();
	membarrier_alloc_assumption(fallback);
#endif
	for_each_online_cpu(cpu) {
		if (cpu == raw_smp_processor_id())
			continue;
		if (!(mm ? thread_of_mm_on(cpu, mm) : registered_thread_on(cpu)))
			continue;
		if (fallback)
			smp_call_function_single(cpu, ipi_mb, NULL, 1);
		else
			cpumask_set_cpu(cpu, mask);
	}
	rcu_read_unlock();
	if (!fallback) {
		preempt_disable();
		smp_call_function_many(mask, ipi_mb, NULL, 1);
		preempt_enable();
		free_cpumask_var(mask);
	}
	hotplug_unlock();

#ifndef NO_EXIT_MB
	smp_mb();
#endif
	return 0;
}

__membarrier_command static int membarrier_global_expedited(void)
{
	if (num_online_cpus() == 1)
		return 0;
	return membarrier_expedited(NULL);
}

__membarrier_command static int membarrier_private_expedited(int ready)
{
	struct mm_struct *mm = current->mm;

	if (!(atomic_read(&mm->membarrier_state) & ready))
		return -EPERM;
	if (num_online_cpus() == 1)
		return 0;
	return membarrier_expedited(mm);
}

static void sync_runqueues_membarrier_state(struct mm_struct *mm)
{
	int state = atomic_read(&mm->membarrier_state);
	bool fallback = false;
	cpumask_var_t mask;
	int cpu;

	if (atomic_read(&mm->mm_users) == 1 || num_online_cpus() == 1) {
		set_rq_state(state);
		smp_mb();
		return;
	}
#ifdef MB_FOR_GRACE_PERIOD
	smp_mb();
#elif !defined(NO_GRACE_PERIOD)
	synchronize_rcu();
#endif
	if (!zalloc_cpumask_var(&mask, GFP_NOWAIT))
		fallback = true;
	membarrier_alloc_assumption(fallback);

	hotplug_lock();
	rcu_read_lock();
	for_each_online_cpu(cpu) {
		if (!thread_of_mm_on(cpu, mm))
			continue;
		if (fallback)
			smp_call_function_single(cpu, ipi_sync_rq_state, mm, 1);
		else
			cpumask_set_cpu(cpu, mask);
	}
	rcu_read_unlock();
	if (!fallback) {
		preempt_disable();
		smp_call_function_many(mask, ipi_sync_rq_state, mm, 1);
		preempt_enable();
		free_cpumask_var(mask);
	}
	hotplug_unlock();
}

static int membarrier_register(int bits, int ready)
{
	struct mm_struct *mm = current->mm;

	if ((atomic_read(&mm->membarrier_state) & ready) == ready)
		return 0;
	atomic_or(bits, &mm->membarrier_state);
	sync_runqueues_membarrier_state(mm);
	atomic_or(ready, &mm->membarrier_state);
	return 0;
}

#include "membarrier-register.h"
#include "membarrier-syscall.h"

#endif
