// The end of a task.
//
//   EXIT_MB      a full barrier before the task lets go of its address space (5.11 and later have one)

#ifndef EXIT_H
#define EXIT_H

// The address space stays borrowed until the CPU switches to another task.
static void exit_mm(void)
{
	struct mm_struct *mm = current->mm;

	mmgrab(mm);
	current->active_mm = mm;
#ifdef EXIT_MB
	smp_mb();
#endif
	set_task_mm(current, NULL);
	mmput(mm);
}

// release_task(): from now on task_rcu_dereference() takes the task for gone.
static void release_current(void)
{
	WRITE_ONCE(current->reaped, 1);
}

#endif
