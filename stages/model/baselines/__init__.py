"""What the paper is held against: other methods on the same frozen features, a module a method."""
