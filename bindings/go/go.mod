module github.com/ottla/ottla-go

go 1.24.0
