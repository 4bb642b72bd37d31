namespace Cilium.Api;

/// <summary>A connection to the agent's socket, as <see cref="AgentClient.Blocking"/> uses it: by one thread, which waits.</summary>
public interface IAgentConnection : IDisposable
{
    /// <summary>How long a call may wait from now on.</summary>
    TimeSpan Patience { set; }

    /// <summary>Whether it is connected, and the agent is there and has said nothing that was not received.</summary>
    bool IsQuiet { get; }

    /// <summary>Sends all bytes; the first call connects, unless that is done.</summary>
    /// <exception cref="IOException">The connection broke, or nobody listens.</exception>
    /// <exception cref="TimeoutException">The patience ended.</exception>
    void Send(ReadOnlySpan<byte> bytes);

    /// <summary>Bytes received; 0 when the agent has closed.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="TimeoutException">The patience ended.</exception>
    int Receive(Span<byte> buffer);
}
