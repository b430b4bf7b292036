"""From stored or fresh features to the network, and from what it says to masks."""
