"""What students handed in: from files, folders, an LMS's zip or a manifest to attempts that can be graded one by one."""
