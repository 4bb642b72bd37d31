using System.Buffers;

namespace Cilium.Api;

/// <summary>
/// Requests one after another over one connection, on the calling thread. It is made by the first request and kept: to the agent each new one
/// costs as much as a short answer.
/// </summary>
internal sealed class BlockingConnection(string socketPath, Func<string, IAgentConnection> connect, TimeSpan patience, TimeProvider time) : IDisposable
{
    private readonly long _began = time.GetTimestamp();
    private IAgentConnection? _connection;

    /// <exception cref="AgentUnavailableException">Nobody answers.</exception>
    /// <exception cref="OperationCanceledException">The patience, which is for all requests together, ended before the answer.</exception>
    public (int Status, ReadOnlyMemory<byte> Body) Send(string method, string path, ReadOnlyMemory<byte> body, bool brief)
    {
        var left = patience - time.GetElapsedTime(_began);
        if (left <= TimeSpan.Zero)
        {
            throw new OperationCanceledException($"no time is left for {method} {path}");
        }

        try
        {
            var connection = Connected();
            connection.Patience = left;
            connection.Send(UnixHttpConnection.RequestBytes(method, path, body, brief, isLast: false));
            var received = new ArrayBufferWriter<byte>(4096);
            while (true)
            {
                if (UnixHttpConnection.TryFinish(socketPath, received, connection.Receive(received.GetSpan(4096))) is { } answer)
                {
                    return answer;
                }
            }
        }
        catch (TimeoutException exception)
        {
            Dispose();
            throw new OperationCanceledException($"the agent has not answered {method} {path} in time", exception);
        }
        catch (IOException exception)
        {
            Dispose();
            throw new AgentUnavailableException(socketPath, exception.Message, exception);
        }
        catch
        {
            // What may still come of the answer must not be taken for that of the next request.
            Dispose();
            throw;
        }
    }

    /// <summary>Closes the connection; the next request makes another.</summary>
    public void Dispose()
    {
        _connection?.Dispose();
        _connection = null;
    }

    /// <summary>The kept connection, unless the agent has closed it meanwhile: what can be read before a question can only be its end.</summary>
    private IAgentConnection Connected()
    {
        if (_connection is { IsQuiet: true } kept)
        {
            return kept;
        }

        Dispose();
        return _connection = connect(socketPath);
    }
}
