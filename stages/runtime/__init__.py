"""The machine under the work: device, number format, memory, progress, versions."""
