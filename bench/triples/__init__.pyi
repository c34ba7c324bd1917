from .ranked import BM25_NAME as BM25_NAME
from .ranked import mined_stream as mined_stream
from .ranked import window as window
from .self_mined import SelfMinedStream as SelfMinedStream
