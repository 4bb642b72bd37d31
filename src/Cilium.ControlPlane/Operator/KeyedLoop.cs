using Cilium.Core.Tables;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>A named loop that handles each key whose rows changed, again and again until it succeeds.</summary>
/// <remarks>Handling is level-triggered: the handler looks at what the tables hold now. One handler runs at a time.</remarks>
internal sealed partial class KeyedLoop<TKey>(string name, Func<TKey, CancellationToken, Task> handle, TimeProvider time, Random random, ILogger logger)
    where TKey : notnull
{
    private static readonly TimeSpan RetryMinimum = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RetryMaximum = TimeSpan.FromSeconds(30);
    private readonly List<ISource> _sources = [];
    private readonly Queue<TKey> _asked = [];
    private Func<CancellationToken, Task>? _prepare;
    private Func<IEnumerable<TKey>>? _again;
    private TimeSpan _interval;

    private interface ISource : IDisposable
    {
        Task InitializedAsync(CancellationToken cancellationToken);

        Task ChangedAsync(CancellationToken cancellationToken);

        void Drain(HashSet<TKey> keys);
    }

    /// <summary>Handles the keys of a table's changed rows.</summary>
    public KeyedLoop<TKey> Watch<TRow>(IReadTable<TKey, TRow> table)
        where TRow : class
    {
        _sources.Add(new Source<TRow>(table));
        return this;
    }

    /// <summary>Runs once, when all tables hold their first lists and before any key is handled.</summary>
    public KeyedLoop<TKey> Prepare(Func<CancellationToken, Task> prepare)
    {
        _prepare = prepare;
        return this;
    }

    /// <summary>Handles keys again from time to time, for what changes without a row.</summary>
    public KeyedLoop<TKey> LookAgain(TimeSpan interval, Func<IEnumerable<TKey>> keys)
    {
        _interval = interval;
        _again = keys;
        return this;
    }

    /// <summary>Has a key handled once more; only to be called by the handler.</summary>
    public void Ask(TKey key) => _asked.Enqueue(key);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var source in _sources)
            {
                await source.InitializedAsync(cancellationToken);
            }

            if (_prepare is not null)
            {
                await _prepare(cancellationToken);
            }

            await HandleAllAsync(cancellationToken);
        }
        finally
        {
            _sources.ForEach(source => source.Dispose());
        }
    }

    private async Task HandleAllAsync(CancellationToken cancellationToken)
    {
        var dirty = new HashSet<TKey>();
        var failures = 0;
        var looked = time.GetTimestamp();
        while (true)
        {
            _sources.ForEach(source => source.Drain(dirty));
            if (_again is not null && time.GetElapsedTime(looked) >= _interval)
            {
                looked = time.GetTimestamp();
                dirty.UnionWith(_again());
            }

            foreach (var key in dirty.ToArray())
            {
                if (await TryHandleAsync(key, cancellationToken))
                {
                    dirty.Remove(key);
                }
            }

            while (_asked.TryDequeue(out var key))
            {
                dirty.Add(key);
            }

            failures = dirty.Count == 0 ? 0 : failures + 1;
            await WaitAsync(failures, _again is null ? null : _interval - time.GetElapsedTime(looked), cancellationToken);
        }
    }

    private async Task<bool> TryHandleAsync(TKey key, CancellationToken cancellationToken)
    {
        try
        {
            await handle(key, cancellationToken);
            return true;
        }
        catch (Exception exception) when (exception is KubernetesException or HttpRequestException or IOException or TimeoutException
            or System.Text.Json.JsonException or CloudRefusedException)
        {
            LogFailed(logger, name, key.ToString() ?? "", exception.Message);
            return false;
        }
    }

    /// <summary>Waits for a change, or for the time to try failed keys or to look at all again.</summary>
    private async Task WaitAsync(int failures, TimeSpan? again, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var waits = _sources.ConvertAll(source => source.ChangedAsync(waiting.Token));
        if (failures > 0)
        {
            var whole = Math.Min(RetryMinimum.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 20)), RetryMaximum.TotalMilliseconds);
            waits.Add(Task.Delay(TimeSpan.FromMilliseconds(whole * (0.5 + (random.NextDouble() / 2))), time, waiting.Token));
        }

        if (again is { } left)
        {
            waits.Add(Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, waiting.Token));
        }

        await Task.WhenAny(waits);
        await waiting.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    [LoggerMessage(1, LogLevel.Warning, "{Loop}: {Key} failed, trying again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string loop, string key, string reason);

    private sealed class Source<TRow>(IReadTable<TKey, TRow> table) : ISource
        where TRow : class
    {
        private readonly ChangeFeed<TKey, TRow> _feed = table.Subscribe();

        public Task InitializedAsync(CancellationToken cancellationToken) => table.WaitInitializedAsync(cancellationToken);

        public Task ChangedAsync(CancellationToken cancellationToken) => _feed.WaitAsync(cancellationToken);

        public void Drain(HashSet<TKey> keys)
        {
            foreach (var change in _feed.Drain())
            {
                keys.Add(change.Key);
            }
        }

        public void Dispose() => _feed.Dispose();
    }
}
