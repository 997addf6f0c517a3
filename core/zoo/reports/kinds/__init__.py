"""What there is to see of the runs of each task. Each module here is of one."""
