"""What tables leave open, by themselves and over the records of a source."""
