"""The work. A file here is a command: it reads files, writes files, and knows no other command."""
