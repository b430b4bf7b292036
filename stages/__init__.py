"""The work: each stage reads files and writes files, and knows no other stage."""
