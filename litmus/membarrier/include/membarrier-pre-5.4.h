// membarrier before 5.4: the state is read through the task that another CPU runs.
//
//   NO_ENTRY_MB, NO_EXIT_MB    the call's own barriers left out
//   READ_MM_ONCE               p->mm is read once, not twice (what a compiler may or may not do)
//   NO_GRACE_PERIOD            registration does not wait for the scheduler

#ifndef MEMBARRIER_PRE_5_4_H
#define MEMBARRIER_PRE_5_4_H

#define NO_RQ_COPY
#include "membarrier-api.h"

// Whether this CPU runs a thread that registered for global expedited commands.
static bool registered_thread_on(int cpu)
{
	struct task_struct *p = rcu_dereference(cpu_rq(cpu)->curr);
	struct mm_struct *mm;

	if (!p)
		return false;
	mm = task_mm(p);
	if (!mm)
		return false;
#ifndef READ_MM_ONCE
	mm = task_mm(p);
#endif
	return atomic_read(&mm->membarrier_state) & MEMBARRIER_STATE_GLOBAL_EXPEDITED;
}

static bool thread_of_mm_on(int cpu, struct mm_struct *mm)
{
	struct task_struct *p = rcu_dereference(cpu_rq(cpu)->curr);

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
	if (!zalloc_cpumask_var(&mask, GFP_NOWAIT))
		fallback = true;
	membarrier_alloc_assumption(fallback);

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		bool hit;

		if (cpu == raw_smp_processor_id())
			continue;
		rcu_read_lock();
		hit = mm ? thread_of_mm_on(cpu, mm) : registered_thread_on(cpu);
		if (hit && fallback)
			smp_call_function_single(cpu, ipi_mb, NULL, 1);
		else if (hit)
			cpumask_set_cpu(cpu, mask);
		rcu_read_unlock();
	}
	if (!fallback) {
		preempt_disable();
		smp_call_function_many(mask, ipi_mb, NULL, 1);
		preempt_enable();
		free_cpumask_var(mask);
	}
	cpus_read_unlock();

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

// What a test of the check for an earlier registration may put in its place.
#ifndef already_registered
#define already_registered(state, ready) ((state) & (ready))
#endif
#ifndef SYNC_CORE_READY
#define SYNC_CORE_READY MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE_READY
#endif

static int membarrier_register(int bits, int ready)
{
	struct mm_struct *mm = current->mm;

	if (already_registered(atomic_read(&mm->membarrier_state), ready))
		return 0;
	atomic_or(bits, &mm->membarrier_state);
	if (atomic_read(&mm->mm_users) == 1)
		smp_mb();
#ifndef NO_GRACE_PERIOD
	else
		synchronize_rcu();
#endif
	atomic_or(ready, &mm->membarrier_state);
	return 0;
}

static int membarrier_register_global_expedited(void)
{
	return membarrier_register(MEMBARRIER_STATE_GLOBAL_EXPEDITED, MEMBARRIER_STATE_GLOBAL_EXPEDITED_READY);
}

static int membarrier_register_private_expedited(void)
{
	return membarrier_register(MEMBARRIER_STATE_PRIVATE_EXPEDITED, MEMBARRIER_STATE_PRIVATE_EXPEDITED_READY);
}

static int membarrier_register_private_expedited_sync_core(void)
{
	return membarrier_register(MEMBARRIER_STATE_PRIVATE_EXPEDITED | MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE,
				   SYNC_CORE_READY);
}

#include "membarrier-syscall.h"

#endif
