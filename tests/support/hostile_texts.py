"""Beside the way of the data: texts that run as a script wherever a page takes them for anything
but text. Whatever runs sets `hostile`."""

_RUNS = "globalThis.hostile=1"

_TAGS = (
    "<script>RUN</script>",
    "<ScRiPt>RUN</sCrIpT>",
    "<script src=data:text/javascript,RUN></script>",
    "<img src=x onerror=RUN>",
    "<img/src=x/onerror=RUN>",
    "<svg onload=RUN>",
    "<svg><script>RUN</script></svg>",
    "<svg><animate onbegin=RUN attributeName=x dur=1s>",
    "<body onload=RUN>",
    "<input autofocus onfocus=RUN>",
    "<select autofocus onfocus=RUN>",
    "<textarea autofocus onfocus=RUN>",
    "<details open ontoggle=RUN>",
    "<video><source onerror=RUN>",
    "<audio src=x onerror=RUN>",
    "<iframe srcdoc='<script>parent.RUN</script>'>",
    "<iframe src=javascript:parent.RUN>",
    "<object data=javascript:RUN>",
    "<embed src=javascript:RUN>",
    "<a href=javascript:RUN autofocus>x</a>",
    "<form action=javascript:RUN><button autofocus>x</button></form>",
    "<math href=javascript:RUN>x</math>",
    "<meta http-equiv=refresh content='0;url=javascript:RUN'>",
    "<link rel=stylesheet href=data:text/css,*{}>",
    "<style>*{background:url(javascript:RUN)}</style>",
    "<base href=//evil.example/>",
    "<div hx-on:load=RUN hx-get=/desk hx-trigger=load>x</div>",
    "<template><script>RUN</script></template>",
    "<marquee onstart=RUN>x</marquee>",
    "<noscript><p title='</noscript><img src=x onerror=RUN>'>",
)
_BREAKS = ("", '"', "'", '">', "'>", "</title>", "</textarea>", "--><!--", "]]>", "`")
"""What could end the place that a text stands in."""

_OTHERS = (
    "{{7*7}}",
    "{% raw %}{{config}}",
    "${7*7}",
    "<%= 7*7 %>",
    "&lt;script&gt;RUN&lt;/script&gt;",
    "&#60;script&#62;RUN&#60;/script&#62;",
    "\\u003cscript\\u003eRUN\\u003c/script\\u003e",
    "%3Cscript%3ERUN%3C/script%3E",
    "\uff1cscript\uff1eRUN\uff1c/script\uff1e",
    "javascript:RUN",
    "\u202e<script>RUN</script>",
)

_ROUNDS = 7

HOSTILE = tuple(
    text.replace("RUN", _RUNS)
    for text in (
        *(
            _BREAKS[(place + turn) % len(_BREAKS)] + tag
            for turn in range(_ROUNDS)
            for place, tag in enumerate(_TAGS)
        ),
        *_OTHERS,
    )
)
"""Two hundred and more, no two alike. Each fits a name."""
