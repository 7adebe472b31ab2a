// The promise of the manual instead of an implementation: in every covered thread a full barrier at some point of its
// program order, after everything that precedes the call and before everything that follows it.
//
// The point is a choice: it is where the interrupt lands.  Every other CPU is covered; none switches tasks.

#ifndef MEMBARRIER_PROMISE_H
#define MEMBARRIER_PROMISE_H

struct task_struct {
	int flags;
};

static void promised_mb(void *info)
{
	smp_mb();
}

static int membarrier(void)
{
	int cpu;

	smp_mb();
	for_each_online_cpu(cpu)
		if (cpu != raw_smp_processor_id())
			smp_call_function_single(cpu, promised_mb, NULL, 1);
	smp_mb();
	return 0;
}

#endif
