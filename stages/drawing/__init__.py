"""Drawing a support: a page on this machine, and the server behind it.

film ──frames──▶ page ──masks──▶ sketchbook ──▶ support folder
                  ▲                  │
                  └──── trial ◀──────┘   (the prediction that the sketches give)
"""
