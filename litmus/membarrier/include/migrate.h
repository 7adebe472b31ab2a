// Preemption: how a task leaves its CPU, and how it goes on on another one.  For tests with `Migrations=`.
//
// The test defines before it includes this, after its tasks:
//   MIGRATE_NEXT       the task that the old CPU goes on with
//   MIGRATE_NEXT_RUNS  what that one does then, in user code (optional)

#ifndef MIGRATE_H
#define MIGRATE_H

// Puts the current task aside.  The new CPU waits until that is over, by release and acquire (task->on_cpu).
static void __migrate_out(int *handed_over)
{
	schedule_to(MIGRATE_NEXT);
	smp_store_release(handed_over, 1);
#ifdef MIGRATE_NEXT_RUNS
	MIGRATE_NEXT_RUNS
#endif
}

static void __migrate_in(int *handed_over, struct task_struct *task)
{
	__assume(smp_load_acquire(handed_over) == 1);
	schedule_to(task);
}

static void __migrate_back(struct task_struct *previous)
{
	schedule_to(previous);
}

#endif
