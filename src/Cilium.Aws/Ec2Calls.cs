using Cilium.Ipam;

namespace Cilium.Aws;

/// <summary>Makes calls of EC2 one by one within a budget, again after refusals that pass.</summary>
/// <remarks>Thread-safe. The client library's own retries are off: it would make calls beside the budget, and repeat what must not be done twice.</remarks>
internal sealed class Ec2Calls(Ec2Options options, TimeProvider time, Random random)
{
    private readonly CallBudget _budget = new(options.CallsPerSecond, options.Burst, time);

    /// <summary>Makes a call.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="call">The call.</param>
    /// <param name="mayRepeat">True when doing it twice is doing it once: then it is also repeated when nothing is known of what it did.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="CloudRefusedException">Refused to the last.</exception>
    public async Task<T> MakeAsync<T>(string name, Func<CancellationToken, Task<T>> call, bool mayRepeat, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            await _budget.WaitAsync(cancellationToken).ConfigureAwait(false);
            CloudRefusedException refused;
            try
            {
                return await call(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (Ec2Errors.Translate(name, exception, cancellationToken.IsCancellationRequested) is { } translated)
            {
                refused = translated;
            }

            if (attempt >= options.Attempts || !(refused.Reason == CloudRefusal.Throttled || (mayRepeat && Ec2Errors.IsTransient(refused))))
            {
                throw refused;
            }

            await Task.Delay(WaitAfter(attempt), time, cancellationToken).ConfigureAwait(false);
        }
    }

    // Half of it is random, so that operators of many clusters in one account do not return together.
    private TimeSpan WaitAfter(int attempt)
    {
        var whole = Math.Min(options.RetryMinimum.TotalMilliseconds * Math.Pow(2, attempt - 1), options.RetryMaximum.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(whole * (0.5 + (random.NextDouble() / 2)));
    }
}
