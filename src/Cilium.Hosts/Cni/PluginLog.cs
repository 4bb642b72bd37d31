namespace Cilium.Hosts.Cni;

/// <summary>The plugin's log file, which the conflist names: one line for each failure.</summary>
internal static class PluginLog
{
    public static void Append(string path, TimeProvider time, string line)
    {
        if (path.Length == 0)
        {
            return;
        }

        try
        {
            File.AppendAllText(path, $"{time.GetUtcNow():O} {line}\n");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A log that cannot be written must not fail a pod.
            Console.Error.WriteLine($"{path}: {exception.Message}");
        }
    }
}
