package cli

// schedulerJob returns the name and the ID that a cluster's scheduler gave this
// job, as people know them from its own tools. Both are "" elsewhere.
func (a *app) schedulerJob() (name, id string) {
	switch {
	case a.Getenv("SLURM_JOB_ID") != "":
		// A task of an array is known as its array's ID and its own index.
		id = a.Getenv("SLURM_JOB_ID")
		if array := a.Getenv("SLURM_ARRAY_JOB_ID"); array != "" {
			id = array + "_" + a.Getenv("SLURM_ARRAY_TASK_ID")
		}
		return a.Getenv("SLURM_JOB_NAME"), "slurm:" + id
	case a.Getenv("PBS_JOBID") != "":
		return a.Getenv("PBS_JOBNAME"), "pbs:" + a.Getenv("PBS_JOBID")
	}
	return "", ""
}
