namespace Cilium.Kubernetes;

/// <summary>How reflectors list, watch and come back.</summary>
public sealed class ReflectorOptions
{
    /// <summary>Objects per page of a list. Servers that answer from their cache give all at once.</summary>
    public int PageSize { get; set; } = 500;

    /// <summary>Shortest life of a watch as asked of the server; the real one is up to twice that, at random.</summary>
    public TimeSpan WatchTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Wait after the first failure; doubles with each further one.</summary>
    public TimeSpan RetryMinimum { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest wait between attempts.</summary>
    public TimeSpan RetryMaximum { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest line of a watch, that is, largest object, in bytes.</summary>
    public int MaximumLineBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>
    /// Whether the first list may come from the cache of an API server, which costs least, and which may be older than what another process has
    /// written by another server (<c>resourceVersion=0</c>). Not for who gives away what its predecessor may have given.
    /// </summary>
    public bool FirstListMayBeOld { get; set; } = true;

    /// <summary>Where jitter comes from.</summary>
    public Random Random { get; set; } = Random.Shared;

    /// <summary>Throws when the values contradict each other.</summary>
    /// <exception cref="ArgumentException">Names the option.</exception>
    public void Validate()
    {
        if (PageSize < 1)
        {
            throw new ArgumentException($"{nameof(PageSize)} must be at least 1, not {PageSize}");
        }

        if (WatchTimeout < TimeSpan.FromSeconds(1))
        {
            throw new ArgumentException($"{nameof(WatchTimeout)} must be at least a second, not {WatchTimeout}");
        }

        if (RetryMinimum <= TimeSpan.Zero || RetryMaximum < RetryMinimum)
        {
            throw new ArgumentException($"{nameof(RetryMinimum)} ({RetryMinimum}) must be positive and at most {nameof(RetryMaximum)} ({RetryMaximum})");
        }
    }
}
