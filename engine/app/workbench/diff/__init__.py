"""What two versions of the specs differ in, in plain words."""
