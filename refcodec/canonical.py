import json
def canonical_json(o): return json.dumps(o,sort_keys=True,separators=(",",":"),ensure_ascii=True).encode()
