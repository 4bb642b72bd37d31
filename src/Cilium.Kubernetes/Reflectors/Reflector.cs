using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Cilium.Core.Tables;
using Cilium.Kubernetes.Wire;
using Microsoft.Extensions.Logging;

namespace Cilium.Kubernetes.Reflectors;

/// <summary>Carries one kind of objects into a table: lists, watches from there, and lists again when the server forgot the version.</summary>
/// <remarks>While the server is away the table keeps what it holds; nothing is dropped because a source is silent.</remarks>
internal sealed partial class Reflector<TKey, TRow> : IReflector
    where TKey : notnull
    where TRow : class
{
    private readonly KubernetesConnection _connection;
    private readonly ReflectorTarget<TKey, TRow> _target;
    private readonly ReflectorOptions _options;
    private readonly ILogger _logger;
    private readonly Backoff _backoff;
    private bool _isFailing;
    private bool _hasListed;

    /// <summary>The version up to which the table is told; null when only a list can tell.</summary>
    private string? _version;

    public Reflector(KubernetesConnection connection, ReflectorTarget<TKey, TRow> target, ReflectorOptions options, ILogger logger)
    {
        _connection = connection;
        _target = target;
        _options = options;
        _logger = logger;
        _backoff = new Backoff(options.RetryMinimum, options.RetryMaximum, options.Random);
        target.Table.RegisterInitializer(target.Source);
    }

    public string Name => _target.Source;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                _version ??= await ListAsync(cancellationToken);
                await WatchAsync(_version, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (KubernetesException exception) when (exception.IsExpired)
            {
                _version = null;
                await WaitAsync(exception.Message, cancellationToken);
            }
            catch (JsonException exception)
            {
                // What was missed is unknown: only a list can tell.
                _version = null;
                await WaitAsync($"malformed answer: {exception.Message}", cancellationToken);
            }
            catch (Exception exception) when (exception is KubernetesException or HttpRequestException or IOException or TimeoutException or OperationCanceledException)
            {
                await WaitAsync(exception.Message, cancellationToken);
            }
        }
    }

    private async Task<string> ListAsync(CancellationToken cancellationToken)
    {
        var rows = new Dictionary<TKey, TRow>();
        var next = "";
        var version = "";
        do
        {
            // Later lists must not be older than what was seen.
            var query = $"{_target.Resource.CollectionPath("")}?limit={_options.PageSize.ToString(CultureInfo.InvariantCulture)}{_target.Selector}"
                + (next.Length > 0 ? $"&continue={Uri.EscapeDataString(next)}" : _hasListed || !_options.FirstListMayBeOld ? "" : "&resourceVersion=0");
            var metadata = await _connection.ListAsync(query, item => Collect(item, rows), cancellationToken);
            version = metadata.ResourceVersion!;
            next = metadata.Continue ?? "";
        }
        while (next.Length > 0);

        var table = _target.Table;
        table.Store.Write(transaction =>
        {
            foreach (var row in transaction.Rows(table))
            {
                var key = table.KeyOf(row);
                if (!rows.ContainsKey(key) && _target.Owns(key))
                {
                    transaction.Delete(table, key);
                }
            }

            foreach (var row in rows.Values)
            {
                transaction.Upsert(table, row);
            }
        });
        _hasListed = true;
        table.CompleteInitializer(_target.Source);
        LogListed(_logger, _target.Source, rows.Count, version);
        Recovered();
        return version;
    }

    private async Task WatchAsync(string version, CancellationToken cancellationToken)
    {
        var started = _connection.Time.GetTimestamp();
        var seconds = _options.WatchTimeout.TotalSeconds * (1 + _options.Random.NextDouble());
        using var silence = new CancellationTokenSource(TimeSpan.FromSeconds(seconds + 30), _connection.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        var query = $"{_target.Resource.CollectionPath("")}?watch=1&allowWatchBookmarks=true"
            + $"&resourceVersion={Uri.EscapeDataString(version)}&timeoutSeconds={((int)seconds).ToString(CultureInfo.InvariantCulture)}{_target.Selector}";
        using var response = await _connection.OpenStreamAsync(query, linked.Token);
        await using var stream = await response.Content.ReadAsStreamAsync(linked.Token);
        using var lines = new LineStream(stream, _options.MaximumLineBytes);
        var told = 0;
        try
        {
            while (await lines.ReadAsync(linked.Token))
            {
                told += Apply(lines);
                Recovered();
            }
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            // A cut connection ends a watch like its timeout does; what was applied stays, the next watch goes on from there.
            LogCut(_logger, _target.Source, exception.Message);
        }
        catch (OperationCanceledException) when (silence.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            LogCut(_logger, _target.Source, "silent for longer than asked");
        }

        if (told == 0 && _connection.Time.GetElapsedTime(started) < TimeSpan.FromSeconds(1))
        {
            await WaitAsync("the server ends watches at once", cancellationToken);
        }
    }

    /// <summary>Applies all lines that have arrived in one write, and then throws what the last of them said, if it ends the watch.</summary>
    /// <returns>The number of lines.</returns>
    private int Apply(LineStream lines)
    {
        ExceptionDispatchInfo? failure = null;
        var reached = _version;
        var count = 0;
        _target.Table.Store.Write(transaction =>
        {
            while (failure is null && lines.TryTake(out var text))
            {
                if (text.IsEmpty)
                {
                    continue;
                }

                try
                {
                    reached = ApplyLine(transaction, WatchLine.Parse(text)) ?? reached;
                    count++;
                }
                catch (Exception exception) when (exception is JsonException or KubernetesException)
                {
                    // The lines before it are applied: the version stands behind the last good one.
                    failure = ExceptionDispatchInfo.Capture(exception);
                }
            }
        });
        _version = reached;
        failure?.Throw();
        return count;
    }

    private string? ApplyLine(WriteTransaction transaction, WatchLine line)
    {
        if (line.Type == WatchEventType.Error)
        {
            var status = JsonSerializer.Deserialize(line.Object, WireJson.Default.StatusWire);
            throw new KubernetesException(
                $"watch {_target.Resource.Plural}", (System.Net.HttpStatusCode)(status?.Code ?? 500), status?.Reason ?? "", status?.Message ?? "");
        }

        var version = JsonSerializer.Deserialize(line.Object, WireJson.Default.MetaOnlyWire)?.Metadata?.ResourceVersion;
        if (line.Type == WatchEventType.Bookmark || Decode(line.Object) is not { } row)
        {
            return version;
        }

        if (line.Type == WatchEventType.Deleted)
        {
            transaction.Delete(_target.Table, _target.Table.KeyOf(row));
        }
        else
        {
            transaction.Upsert(_target.Table, row);
        }

        return version;
    }

    private void Collect(ReadOnlySpan<byte> item, Dictionary<TKey, TRow> rows)
    {
        if (Decode(item) is { } row)
        {
            rows[_target.Table.KeyOf(row)] = row;
        }
    }

    private TRow? Decode(ReadOnlySpan<byte> json)
    {
        try
        {
            return _target.Decode(json);
        }
        catch (JsonException exception)
        {
            // One object that cannot be read must not hide the others.
            LogUnreadable(_logger, _target.Source, NameOf(json), exception.Message);
            return null;
        }
    }

    private static string NameOf(ReadOnlySpan<byte> json)
    {
        try
        {
            var metadata = JsonSerializer.Deserialize(json, WireJson.Default.MetaOnlyWire)?.Metadata;
            return new NamespacedName(metadata?.Namespace ?? "", metadata?.Name ?? "?").ToString();
        }
        catch (JsonException)
        {
            return "?";
        }
    }

    private void Recovered()
    {
        _backoff.Reset();
        if (_isFailing)
        {
            _isFailing = false;
            LogRecovered(_logger, _target.Source);
        }
    }

    private async Task WaitAsync(string reason, CancellationToken cancellationToken)
    {
        var wait = _backoff.Next();
        if (!_isFailing)
        {
            _isFailing = true;
            LogFailing(_logger, _target.Source, reason);
        }

        try
        {
            await Task.Delay(wait, _connection.Time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The loop sees the cancellation itself.
        }
    }

    [LoggerMessage(1, LogLevel.Debug, "Listed {Source}: {Count} rows at version {Version}")]
    private static partial void LogListed(ILogger logger, string source, int count, string version);

    [LoggerMessage(2, LogLevel.Debug, "Watch of {Source} was cut: {Reason}")]
    private static partial void LogCut(ILogger logger, string source, string reason);

    [LoggerMessage(3, LogLevel.Warning, "Cannot follow {Source}, keeping the last known state and trying again: {Reason}")]
    private static partial void LogFailing(ILogger logger, string source, string reason);

    [LoggerMessage(4, LogLevel.Information, "Following {Source} again")]
    private static partial void LogRecovered(ILogger logger, string source);

    [LoggerMessage(5, LogLevel.Warning, "Left out an unreadable object of {Source}, {Name}: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string source, string name, string reason);
}
