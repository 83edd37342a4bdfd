"""Emitters: functions that write a kernel's LLVM IR for one CPU, one page each."""
