namespace Cilium.Core.Reconciliation;

/// <summary>How far a row has come.</summary>
public enum ReconcileState
{
    /// <summary>Not carried out yet.</summary>
    Pending,

    /// <summary>Carried out.</summary>
    Done,

    /// <summary>Failed; will be retried.</summary>
    Error,
}

/// <summary>The outcome of the last attempt at a row.</summary>
/// <param name="State">The state.</param>
/// <param name="Revision">The revision of the row that was attempted.</param>
/// <param name="Message">The error's text, or empty.</param>
/// <param name="At">When the attempt ended.</param>
/// <param name="Attempts">Consecutive failures so far; 0 when done.</param>
public sealed record ReconcileStatus(ReconcileState State, long Revision, string Message, DateTimeOffset At, int Attempts);
