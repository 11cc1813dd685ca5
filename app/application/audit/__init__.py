"""The audit: who changed what from what to what, line by line, of all streams or of one."""
