# SPDX-License-Identifier: MIT
"""Foundation models in a process of their own, with limits on memory, time, network and files (docs/decisions/0023).

proxy     what callers hold in place of a model, and `call` for functions of several models     caller
process   the process: started when needed, watched, ended, started again                       caller
watch     the limits of a request, and what its errors and its end become                       caller
wire      messages: JSON and raw arrays, of bounded length; nothing is unpickled                both
limits    the numbers                                                                           both
scratch   the folder in which the process may write                                             caller
phases    what the model is doing, for the limits                                               worker
serve     the loop that loads models and calls them                                             worker
"""
