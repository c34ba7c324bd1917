from .coordinator import Coordinator as Coordinator
from .dry_run import miniature as miniature
from .dry_run import stand_ins as stand_ins
from .opening import open_context as open_context
