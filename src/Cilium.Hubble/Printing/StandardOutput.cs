using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Cilium.Hubble.Printing;

/// <summary>The standard output of a command: when nobody reads it any more, as after <c>head -1</c>, the command is cancelled and ends quietly.</summary>
/// <remarks>
/// The runtime ignores SIGPIPE and its console stream hides that a pipe has no reader: a command that follows would write to nobody for ever.
/// </remarks>
public static class StandardOutput
{
    private const int Descriptor = 1;

    /// <summary>Runs a command that writes to the standard output.</summary>
    /// <param name="command">The command, which gives its exit code.</param>
    /// <returns>The exit code of the command; 0 when it was cut off.</returns>
    public static async Task<int> RunAsync(Func<TextWriter, Task<int>> command)
    {
        ArgumentNullException.ThrowIfNull(command);
        // A terminal is the console's; and a file has no reader that could go, but a position that other programs share.
        if (!IsPipe())
        {
            return await command(Console.Out);
        }

        using var pipe = new SafeFileHandle(Descriptor, ownsHandle: false);
        return await RunAsync(pipe, command);
    }

    /// <summary>Runs a command that writes to a pipe.</summary>
    /// <param name="pipe">The pipe, which is not owned. What is written is there at once.</param>
    /// <param name="command">The command, which gives its exit code.</param>
    /// <returns>The exit code of the command; 0 when it was cut off.</returns>
    public static async Task<int> RunAsync(SafeFileHandle pipe, Func<TextWriter, Task<int>> command)
    {
        ArgumentNullException.ThrowIfNull(pipe);
        ArgumentNullException.ThrowIfNull(command);
        await using var output = new PipeOutput(pipe);
        await using var writer = new StreamWriter(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
        var code = await command(writer);
        return output.HasReader ? code : 0;
    }

    private static bool IsPipe()
    {
        if (OperatingSystem.IsWindows() || !Console.IsOutputRedirected)
        {
            return false;
        }

        using var stream = new FileStream(new SafeFileHandle(Descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return !stream.CanSeek;
    }

    private sealed class PipeOutput(SafeFileHandle pipe) : Stream
    {
        private const int BrokenPipe = 32;

        private readonly FileStream _stream = new(pipe, FileAccess.Write, bufferSize: 0);

        public bool HasReader { get; private set; } = true;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            try
            {
                _stream.Write(buffer);
            }
            catch (IOException exception) when (exception.HResult == BrokenPipe)
            {
                HasReader = false;
                throw new OperationCanceledException("nobody reads the output any more", exception);
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
            // Nothing is kept back.
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
