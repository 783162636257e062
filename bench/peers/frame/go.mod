module bench/frame

go 1.24.0
