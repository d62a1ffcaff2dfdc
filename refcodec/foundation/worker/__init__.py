# SPDX-License-Identifier: MIT
"""Foundation models in a process of their own, with limits on memory, time, network and files (docs/decisions/0023).

proxy          stand-ins for models, and `call` for functions of several models                caller
process        the process: started when needed, watched, ended, started again                 caller
watch          time and memory of a request; the error for a process that ends                 caller
scratch        the folder in which the process may write                                       caller
wire           messages: JSON and raw arrays, of bounded length; nothing is unpickled          both
worker_limits  the numbers of all limits                                                       both
phases         what the model is doing, for the limits                                         worker
serve          the loop that loads models and calls them                                       worker
"""
