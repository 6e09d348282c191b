package cli

// followsItsWrapper is whether a command is told when its lull process is killed.
const followsItsWrapper = true
