// What 5.4 and 5.12 share.
//
//   NO_ENTRY_MB, NO_EXIT_MB    the call's own barriers left out
//   NO_GRACE_PERIOD            registration does not wait for the scheduler
//   NO_SKIP_SELF               the scan does not skip the CPU that it runs on

#ifndef MEMBARRIER_SINCE_5_4_H
#define MEMBARRIER_SINCE_5_4_H

#define set_rq_state(state) this_cpu_write(runqueues.membarrier_state, state)
#include "membarrier-rq-state.h"

static bool registered_thread_on(int cpu)
{
	struct task_struct *p;

	if (!(READ_ONCE(cpu_rq(cpu)->membarrier_state) & MEMBARRIER_STATE_GLOBAL_EXPEDITED))
		return false;
	p = rcu_dereference(cpu_rq(cpu)->curr);
#ifdef KTHREAD_BY_FLAG
	return !(p->flags & PF_KTHREAD);
#else
	return task_mm(p) != NULL;
#endif
}

static bool thread_of_mm_on(int cpu, struct mm_struct *mm)
{
	struct task_struct *p = rcu_dereference(cpu_rq(cpu)->curr);

	return task_mm(p) == mm;
}

// Both commands; `mm` is NULL for the global one.
static int membarrier_expedited(struct mm_struct *mm)
{
	cpumask_var_t mask;
	int cpu;

#ifndef NO_ENTRY_MB
	smp_mb();
#endif
	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;

	cpus_read_lock();
	rcu_read_lock();
	for_each_online_cpu(cpu) {
#ifndef NO_SKIP_SELF
		if (cpu == raw_smp_processor_id())
			continue;
#endif
		if (mm ? thread_of_mm_on(cpu, mm) : registered_thread_on(cpu))
			cpumask_set_cpu(cpu, mask);
	}
	rcu_read_unlock();
	preempt_disable();
	smp_call_function_many(mask, ipi_mb, NULL, 1);
	preempt_enable();
	free_cpumask_var(mask);
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
	if (atomic_read(&mm->mm_users) == 1 || num_online_cpus() == 1)
		return 0;
	return membarrier_expedited(mm);
}

static int sync_runqueues_membarrier_state(struct mm_struct *mm)
{
	int state = atomic_read(&mm->membarrier_state);
	cpumask_var_t mask;
	int cpu;

	if (atomic_read(&mm->mm_users) == 1 || num_online_cpus() == 1) {
		set_rq_state(state);
		smp_mb();
		return 0;
	}
	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
#ifndef NO_GRACE_PERIOD
	synchronize_rcu();
#endif
	cpus_read_lock();
	rcu_read_lock();
	for_each_online_cpu(cpu)
		if (thread_of_mm_on(cpu, mm))
			cpumask_set_cpu(cpu, mask);
	rcu_read_unlock();
	sync_cpus(mask, mm);
	free_cpumask_var(mask);
	cpus_read_unlock();
	return 0;
}

static int membarrier_register(int bits, int ready)
{
	struct mm_struct *mm = current->mm;
	int ret;

	if ((atomic_read(&mm->membarrier_state) & ready) == ready)
		return 0;
	atomic_or(bits, &mm->membarrier_state);
	ret = sync_runqueues_membarrier_state(mm);
	if (ret)
		return ret;
	atomic_or(ready, &mm->membarrier_state);
	return 0;
}

#include "membarrier-register.h"
#include "membarrier-syscall.h"

#endif
