package states

func (e *Engine) sendTaskSuccess(asked *request) (any, error) {
	return nil, e.Succeed(asked.TaskToken, asked.Output)
}

func (e *Engine) sendTaskFailure(asked *request) (any, error) {
	return nil, e.Fail(asked.TaskToken, asked.Error, asked.Cause)
}

func (e *Engine) sendTaskHeartbeat(asked *request) (any, error) {
	return nil, e.Heartbeat(asked.TaskToken)
}
