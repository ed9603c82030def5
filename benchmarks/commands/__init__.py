"""The commands of the command line: what each one runs, prints and writes."""
