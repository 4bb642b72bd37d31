using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Cilium.KernelTests;

/// <summary>What was logged as an error.</summary>
internal sealed class ErrorLog : ILoggerFactory, ILogger
{
    internal ConcurrentQueue<string> Errors { get; } = new();

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel == LogLevel.Error)
            Errors.Enqueue(formatter(state, exception));
    }

    public void Dispose()
    {
    }
}
