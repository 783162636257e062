module github.com/ottla/ottla-go/bench

go 1.24.0

require (
	bench/frame v0.0.0
	github.com/confluentinc/confluent-kafka-go/v2 v2.11.1
	github.com/ottla/ottla-go v0.0.0
)

replace (
	bench/frame => ../../../bench/peers/frame
	github.com/ottla/ottla-go => ../
)
