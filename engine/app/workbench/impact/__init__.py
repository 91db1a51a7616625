"""What a change of a spec does to the records of a source."""
