namespace Cilium.Core.Reconciliation;

/// <summary>How a reconciler retries and prunes.</summary>
public sealed class ReconcilerOptions
{
    /// <summary>Wait after the first failure of a key; doubles with each further one.</summary>
    public TimeSpan RetryMinimum { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest wait between attempts.</summary>
    public TimeSpan RetryMaximum { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Time between full comparisons with reality; zero for only the first. One that fails is repeated as a key is, up to this time.</summary>
    public TimeSpan PruneInterval { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Most changes in one batch.</summary>
    public int MaximumBatch { get; set; } = 16384;

    /// <summary>
    /// Whether the status of rows that were carried out is kept. Without it only that of failed ones is, and single rows cannot be waited for: for
    /// tables of tens of thousands of rows.
    /// </summary>
    public bool KeepsDone { get; set; } = true;

    /// <summary>Throws when the values contradict each other.</summary>
    /// <exception cref="ArgumentException">Names the option.</exception>
    public void Validate()
    {
        if (RetryMinimum <= TimeSpan.Zero)
        {
            throw new ArgumentException($"{nameof(RetryMinimum)} must be positive, not {RetryMinimum}");
        }

        if (RetryMaximum < RetryMinimum)
        {
            throw new ArgumentException($"{nameof(RetryMaximum)} ({RetryMaximum}) must not be less than {nameof(RetryMinimum)} ({RetryMinimum})");
        }

        if (PruneInterval < TimeSpan.Zero)
        {
            throw new ArgumentException($"{nameof(PruneInterval)} must not be negative, not {PruneInterval}");
        }

        if (MaximumBatch < 1)
        {
            throw new ArgumentException($"{nameof(MaximumBatch)} must be at least 1, not {MaximumBatch}");
        }
    }
}
