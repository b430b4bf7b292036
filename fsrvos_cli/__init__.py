"""The command line: parse, call one stage, print. The only package that knows click."""
