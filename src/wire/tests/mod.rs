//! What proves the codec: bytes of the Java client, another implementation, and hostile bytes.
