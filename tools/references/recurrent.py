"""Recurrent layers: PyTorch's modules with given weights; biases are the two rows of one matrix."""

import torch


def _module(kind, weight_ih, weight_hh, biases):
    module = kind(weight_ih.shape[1], weight_hh.shape[1], batch_first=True)
    with torch.no_grad():
        for cell, value in zip(module.parameters(), (weight_ih, weight_hh, *biases)):
            cell.copy_(value)
    return module


def _outputs(kind, x, *weights):
    module = _module(kind, *weights)
    if x.shape[1] == 0 or x.shape[0] == 0:
        return torch.zeros(*x.shape[:2], module.hidden_size)
    return module(x)[0]


def _state(state):
    return torch.cat([part[0] for part in state], 1) if isinstance(state, tuple) else state[0]


def _stepped(kind, x, *weights):
    module = _module(kind, *weights)
    states = 2 if kind is torch.nn.LSTM else 1
    parts = x.split([module.input_size] + [module.hidden_size] * states, 1)
    if x.shape[0] == 0:
        return torch.zeros(0, x.shape[1] - module.input_size)
    given = tuple(part[None].contiguous() for part in parts[1:])
    return _state(module(parts[0][:, None], given if states == 2 else given[0])[1])


def _last(kind, x, *weights):
    return _state(_module(kind, *weights)(x)[1])


def _bind(kind):
    def bound(function):
        return lambda *inputs: function(kind, *inputs)

    return bound(_stepped), bound(_outputs), bound(_outputs), bound(_last)


rnn_step, rnn_all, rnn_two, rnn_last = _bind(torch.nn.RNN)
gru_step, gru_all, gru_two, gru_last = _bind(torch.nn.GRU)
lstm_step, lstm_all, lstm_two, lstm_last = _bind(torch.nn.LSTM)
