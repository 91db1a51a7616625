"""What people call: the command line and its reports."""
