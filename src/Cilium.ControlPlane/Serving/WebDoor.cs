using System.Collections.Concurrent;
using System.Net.Security;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Serving;

/// <summary>One address on which a <see cref="WebServer"/> answers in one way, until it is disposed of.</summary>
internal sealed partial class WebDoor : IAsyncDisposable
{
    private readonly ConcurrentDictionary<ConnectionContext, ITimer?> _connections = [];
    private readonly string _name;
    private readonly WebDoorOptions _options;
    private readonly RequestDelegate _answer;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IConnectionListener _listener;
    private readonly Task _accepting;
    private int _count;
    private volatile bool _isClosed;

    internal WebDoor(
        string name, IConnectionListener listener, ChannelWriter<ConnectionContext> server, WebDoorOptions options, RequestDelegate answer, TimeProvider time, ILogger logger)
    {
        (_name, _listener, _options, _answer, _time, _logger) = (name, listener, options, answer, time, logger);
        _accepting = Task.Run(() => AcceptAsync(server));
    }

    /// <summary>The TLS of a connection that comes now.</summary>
    internal SslServerAuthenticationOptions Tls => _options.Tls?.Current ?? throw new InvalidOperationException($"{_name} has no TLS");

    /// <summary>Closes the door and the connections that came through it.</summary>
    public async ValueTask DisposeAsync()
    {
        _isClosed = true;
        await _listener.UnbindAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        await _listener.DisposeAsync().ConfigureAwait(false);
        foreach (var connection in _connections.Keys)
        {
            connection.Abort();
        }
    }

    /// <summary>Carries a connection that came through this door.</summary>
    internal async Task CarryAsync(ConnectionContext connection, ConnectionDelegate server)
    {
        try
        {
            if (!_isClosed)
            {
                await server(connection).ConfigureAwait(false);
            }
        }
        finally
        {
            Leave(connection);
        }
    }

    /// <summary>Answers a request.</summary>
    internal Task AnswerAsync(HttpContext context)
    {
        if (_options.Lifetime != Timeout.InfiniteTimeSpan)
        {
            context.Response.Headers.Connection = "close";
        }

        return _answer(context);
    }

    private async Task AcceptAsync(ChannelWriter<ConnectionContext> server)
    {
        try
        {
            while (await _listener.AcceptAsync().ConfigureAwait(false) is { } connection)
            {
                if (!TryEnter(connection))
                {
                    connection.Abort();
                    await connection.DisposeAsync().ConfigureAwait(false);
                }
                else if (!await TryHandOverAsync(server, connection).ConfigureAwait(false))
                {
                    return;
                }
            }
        }
        catch (Exception exception)
        {
            LogFailed(_logger, exception, _name);
        }
    }

    private bool TryEnter(ConnectionContext connection)
    {
        if (Interlocked.Increment(ref _count) > _options.MaximumConnections)
        {
            Interlocked.Decrement(ref _count);
            return false;
        }

        connection.Features.Set(this);
        _connections[connection] = _options.Lifetime == Timeout.InfiniteTimeSpan
            ? null
            : _time.CreateTimer(static connection => ((ConnectionContext)connection!).Abort(), connection, _options.Lifetime, Timeout.InfiniteTimeSpan);
        return true;
    }

    private void Leave(ConnectionContext connection)
    {
        if (_connections.TryRemove(connection, out var limit))
        {
            Interlocked.Decrement(ref _count);
            limit?.Dispose();
        }
    }

    private async Task<bool> TryHandOverAsync(ChannelWriter<ConnectionContext> server, ConnectionContext connection)
    {
        try
        {
            await server.WriteAsync(connection).ConfigureAwait(false);
            return true;
        }
        catch (ChannelClosedException)
        {
            // The server ends, and its doors with it.
            Leave(connection);
            await connection.DisposeAsync().ConfigureAwait(false);
            return false;
        }
    }

    [LoggerMessage(1, LogLevel.Error, "Nothing more is accepted on {Address}")]
    private static partial void LogFailed(ILogger logger, Exception exception, string address);
}
