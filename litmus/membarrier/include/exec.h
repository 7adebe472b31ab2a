// exec: the task gets a new address space, which is not registered.
//
//   EXEC_UNLOCKED    without task_lock(), so preemptible where the state is cleared

#ifndef EXEC_H
#define EXEC_H

spinlock_t exec_task_lock;

static void exec_mmap(struct mm_struct *mm)
{
	struct mm_struct *old = current->mm;

#ifndef EXEC_UNLOCKED
	spin_lock(&exec_task_lock);
#endif
	set_task_mm(current, mm);
	membarrier_exec_mmap(mm);
	switch_mm(old, mm);
#ifndef EXEC_UNLOCKED
	spin_unlock(&exec_task_lock);
#endif
}

#endif
