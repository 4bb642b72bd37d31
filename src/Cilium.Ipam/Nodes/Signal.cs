namespace Cilium.Ipam;

/// <summary>A task that completes at the next change, made anew only when somebody waits. Thread-safe.</summary>
internal sealed class Signal
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _waiting;

    public Task Next
    {
        get
        {
            lock (_lock)
            {
                _waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return _waiting.Task;
            }
        }
    }

    public void Raise()
    {
        lock (_lock)
        {
            _waiting?.SetResult();
            _waiting = null;
        }
    }
}
