namespace Cilium.ControlPlane.Agent;

/// <summary>How far the agent's start has come. Thread-safe.</summary>
public sealed class AgentReadiness
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isAccepting;
    private volatile string _phase = "starting";

    /// <summary>What the agent does or waits for.</summary>
    public string Phase => _phase;

    /// <summary>True once endpoints are restored and deletions that were queued are carried out: requests that change endpoints are answered.</summary>
    public bool IsAccepting => _isAccepting;

    /// <summary>True once new pods can be served.</summary>
    public bool IsReady => _ready.Task.IsCompleted;

    /// <summary>Why the agent ended other than by being told to; null otherwise.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Completes when ready.</summary>
    public Task WaitReadyAsync(CancellationToken cancellationToken) => _ready.Task.WaitAsync(cancellationToken);

    /// <summary>Tells the next phase.</summary>
    public void Enter(string phase) => _phase = phase;

    /// <summary>From now on endpoints may be created and deleted.</summary>
    public void Accept() => _isAccepting = true;

    /// <summary>The agent cannot go on.</summary>
    public void Fail(Exception reason) => Failure = reason;

    /// <summary>The start is complete.</summary>
    public void Complete()
    {
        _phase = "ready";
        _ready.TrySetResult();
    }
}
