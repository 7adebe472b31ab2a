// The proposal of the thread: interrupt the CPUs in mm_cpumask(mm), with no look at what they run.
//
// Architectures differ in who keeps that mask, and how:
//   MASK_NEVER_SET     arm64: no bit is ever set
//   MASK_PLAIN         bits are set and cleared by plain stores, not by locked operations as on x86
//   MASK_AFTER_MB      switch_mm updates the mask after its barrier, not before
//   MASK_BY_TEST       nobody but the test sets bits: mm_cpumask_set()

#ifndef MM_CPUMASK_H
#define MM_CPUMASK_H

#define MM_CPUMASK
struct mm_struct;
static void mm_cpumask_switch(struct mm_struct *prev, struct mm_struct *next);
#include "membarrier-api.h"

#ifdef MASK_PLAIN
#define write_bit(mm, value) atomic_set(&(mm)->cpu_bit[raw_smp_processor_id()], value)
#else
#define write_bit(mm, value) atomic_xchg(&(mm)->cpu_bit[raw_smp_processor_id()], value)
#endif

static void mm_cpumask_set(struct mm_struct *mm)
{
	write_bit(mm, 1);
}

static void mm_cpumask_switch(struct mm_struct *prev, struct mm_struct *next)
{
#ifndef MASK_NEVER_SET
	write_bit(prev, 0);
#ifndef MASK_BY_TEST
	write_bit(next, 1);
#endif
#endif
}

static int membarrier_private_expedited(void)
{
	struct mm_struct *mm = current->mm;
	int cpu;

	smp_mb();
	for_each_online_cpu(cpu)
		if (cpu != raw_smp_processor_id() && atomic_read(&mm->cpu_bit[cpu]))
			smp_call_function_single(cpu, ipi_mb, NULL, 1);
	smp_mb();
	return 0;
}

#endif
