"""All trainings and evaluations behind a table of the paper, made where they are missing."""
